"""What clients see: GraphQL types, inputs, errors and scalars, one noun a module."""
