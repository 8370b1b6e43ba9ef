"""What all claims share: measures, family members, contrasts and verdicts."""
