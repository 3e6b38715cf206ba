"""The live engine: rows and tokens to subscribers, exactly. It knows no viewer and no rule."""
