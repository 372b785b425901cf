"""The room in the browser: pages rendered here, decisions taken here, nothing asked of anyone else."""
