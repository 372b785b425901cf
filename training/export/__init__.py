"""The tuned model as files: merged or adapter, checked, with its card."""
