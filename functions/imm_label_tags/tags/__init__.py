"""What is written: names, values, provenance and the plan of a tag set. No SDK and no input or output."""
