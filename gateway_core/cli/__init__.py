"""The command line: `gateway ...`. Thin: each command is a few lines over `Paymaster`, which does the work.

    app.py        the application, what every command shares, `main`
    errors.py     exception -> exit code and words          output.py    lines, tables, JSON
    desk.py       what a command is given: options, output, the opened store

Heavy modules are imported inside commands, so that `gateway --help` is quick.
"""

from importlib import import_module

from .app import main, run_command

# Modules of commands, in the order of the help: importing one registers its commands.
for theme in (
    "cycles", "payrolls", "reviewing", "pay", "sending", "planning", "looking", "files", "officers", "vouching",
    "closing", "statements", "accounts", "setup", "servers", "new_plugin", "demo", "cash",
):  # fmt: skip
    import_module(f".{theme}", __name__)

__all__ = ["main", "run_command"]
