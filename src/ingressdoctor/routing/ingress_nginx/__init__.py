"""What ingress-nginx does with Ingresses: which it takes, what servers and locations it writes, who answers a request.

Pure: objects in, decisions out. Source: kubernetes/ingress-nginx controller-v1.15.1 (internal/ingress/controller,
internal/ingress/annotations, rootfs/etc/nginx); nginx's own rules of choosing a server and a location.
"""
