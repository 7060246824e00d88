"""The lab's servers: each speaks one real protocol on a loopback port."""
