"""The GSMA's compliance cases (YAML of its Interoperability Test Platform), played against this plugin.

    python -m gateway_mobile_money.compliance DIR

The case plays the provider. What the plugin can ask for itself, it asks: the case's rules are held against its request,
and what it makes of the case's answer must be what the case says of the money. Callbacks go to the real callback
application. What the plugin never asks for (merchant payments, say) is held against the case's own rules alone.
"""
