"""`python -m liuhen`."""

from liuhen.cli import main

if __name__ == "__main__":
    main()
