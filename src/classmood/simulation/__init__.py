"""A simulated class: students with a known hidden course, who speak the live classroom's own protocol.

    scenario (TOML) -> lesson (one drawn class) -> students -> messages -> the real server
                                               `-> truth: what the class felt, and when a teacher should have been told

It serves to try the dashboard, to load the server, and to measure nudges against a truth that no real class has. The
students are as someone thought them up (docs/guides/simulate.md says how); nothing measured on them says how real
students behave.
"""
