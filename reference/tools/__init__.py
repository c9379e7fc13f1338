"""What the layers are written with: sums, element-wise functions, checks of arguments, trees."""
