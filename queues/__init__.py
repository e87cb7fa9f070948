"""Who waits, who may answer, who gets whom. Knows Redis; knows nothing of telephony."""
