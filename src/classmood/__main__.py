"""`python -m classmood` is the command `classmood`."""

from classmood.cli import main

main()
