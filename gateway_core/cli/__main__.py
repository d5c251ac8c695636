"""`python -m gateway_core.cli` is `gateway`, also where no scripts are installed."""

from .app import main

if __name__ == "__main__":
    main()
