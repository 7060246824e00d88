"""The configuration: ingressdoctor.toml, its defaults, and references to secrets. Loads nothing heavy."""

from ingressdoctor.config.channels import ChannelKind, ChannelSettings
from ingressdoctor.config.example import effective_toml, example_toml
from ingressdoctor.config.loading import FILE_NAME, VARIABLE, find_config, load_settings, override, user_config
from ingressdoctor.config.places import history_url, state_folder
from ingressdoctor.config.secrets import SecretRef
from ingressdoctor.config.settings import Settings

__all__ = (
    "FILE_NAME",
    "VARIABLE",
    "ChannelKind",
    "ChannelSettings",
    "SecretRef",
    "Settings",
    "effective_toml",
    "example_toml",
    "find_config",
    "history_url",
    "load_settings",
    "override",
    "state_folder",
    "user_config",
)
