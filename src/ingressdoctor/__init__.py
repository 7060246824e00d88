"""ingressdoctor: at which hop the way from browser to pod breaks, why, and what to type next."""
