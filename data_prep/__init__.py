"""From raw recordings of any supported data set to one prepared form that training streams."""
