"""What every resource needs to speak HTTP well."""
