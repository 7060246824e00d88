"""The Kubernetes API of a world: read-only, over HTTPS, with authentication, RBAC, selectors, paging and logs."""
