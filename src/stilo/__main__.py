"""`python -m stilo`: the command line where the `stilo` command is not on the path."""

from stilo.cli import main

if __name__ == "__main__":
    main()
