"""Who may do what: users, roles, approvals by two, impersonation, API keys."""
