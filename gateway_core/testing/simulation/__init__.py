"""The real engine and store in small simulated worlds, with oracles named by law; see `explore` and `__main__`."""
