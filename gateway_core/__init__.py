"""A plugin-based payment gateway framework for social protection."""
