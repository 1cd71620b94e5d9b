"""SmartFallMM."""
