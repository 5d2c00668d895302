"""The engine on a cluster: the same seam, answered by OpenSearch, for archives that outgrow one machine.

In: requests of the seam; for the commands, a generation to publish. Out: results of the seam. *cluster* is the door,
*mapping* the documents, *compile* the queries, *counting* the facets, *candidates* the ranking, *loading* the builds.
Needs ``opensearch-py`` (the extra ``opensearch``), which is imported when a cluster is first spoken to.
"""
