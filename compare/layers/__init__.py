"""The ground: the table of layers, their sizes, where their code stands, and how both sides run one."""
