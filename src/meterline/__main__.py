"""`python -m meterline` is `meterline`."""

from meterline.cli import main

if __name__ == "__main__":
    main()
