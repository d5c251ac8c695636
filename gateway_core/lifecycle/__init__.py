"""What people do with payrolls before and around the money: propose, check, approve, run, hold, release."""
