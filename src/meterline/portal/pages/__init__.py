"""The pages of the portal, a subject each."""
