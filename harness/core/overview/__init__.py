"""What a person wants to see of a project's golden files, gathered from all that is kept about them."""
