"""Telling people what happened, by mail and webhook.

What is to be told stands in the outbox of the state (`apply.notifying`). `letters` decides what goes when,
`wording` and `message` say it, `mail` and `webhook` carry it, and `sender` is the work beside the engine.
"""
