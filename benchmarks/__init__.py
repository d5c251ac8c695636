"""Paired measurements, printed as tables. Nothing here asserts a time; run them where it is quiet.

python -m benchmarks.pay        CPU per payment against a bare loop, payments per second, 50 ms of latency
python -m benchmarks.memory     peak memory for 10,000 / 100,000 invoices, and proposing 1,000,000
python -m benchmarks.mojaloop   CPU per payment over Mojaloop, signed and not, against a bare loop
"""
