"""The YAML that users write, as one immutable `Config`; every mistake in it at once, each with its place.

parse     text → nodes: plain values that know where they stand
schema    the words, and what may stand at each
validate  nodes against the words; problems in plain language
matching  `match`, `resolve`, `when` … → condition trees
rules     packs and the user's rules, merged → `Rule`
routes    the routing tree with everything inherited filled in
receivers destinations, each by its channel's own `Config`
load      files, includes, secrets: the only reader of the disk
"""
