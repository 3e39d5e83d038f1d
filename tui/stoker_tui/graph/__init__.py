"""DAGs laid out and drawn. Pure: values in, values out."""
