"""The ground: the table of layers, their sizes, where their code is, and how both sides run one."""
