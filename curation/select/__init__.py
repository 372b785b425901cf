"""Stages that choose and weigh among good rows, one a file."""
