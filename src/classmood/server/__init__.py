"""The live classroom: its privacy core, which needs neither a browser nor a socket.

In reading order: ``gate`` and ``documents`` (what the deployment may do, and its papers); ``noise``, ``membership``,
``suppression`` and ``release`` (from what students show to what the class shows); ``messages`` (the wire), ``nudges``,
``audit_log``.
Nothing here imports the classifier or a model.
"""
