"""How resources of a type are listed, for all rules that judge them."""
