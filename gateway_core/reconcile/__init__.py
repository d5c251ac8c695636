"""After the money: compare with what the rail says, explain every cent, close."""
