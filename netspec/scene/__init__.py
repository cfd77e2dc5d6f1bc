"""Pictures of a network: what is drawn (`parts`), where it stands (`layout`), how it looks (`styles`), and into which format."""
