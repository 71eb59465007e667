"""HR photos and the LR/HR pairs made from them."""
