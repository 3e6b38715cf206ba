"""Entry points of the API: unwrap the arguments, call one rule, wrap its answer."""
