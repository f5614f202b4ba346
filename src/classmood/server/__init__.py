"""The live classroom.

Its privacy core, which needs neither a browser nor a socket, in reading order: ``gate`` and ``documents`` (what the
deployment may do, and its papers); ``noise``, ``membership``, ``suppression``, ``rises`` and ``release`` (from what
students show to what the class shows); ``messages`` (the wire), ``nudges``, ``audit_log``.

The server around it: ``settings``, ``tokens``, ``limits``, ``gatekeeper``, ``records``; ``classroom`` (one class in
memory) and ``classrooms``; ``guard``, ``entrance``, ``api``, ``live``, ``pages``, ``app``; ``commands``.

Nothing here imports the classifier or a model, but ``lesson_report``, which runs in a process of its own.
"""
