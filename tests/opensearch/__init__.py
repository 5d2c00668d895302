"""The engine on a real OpenSearch cluster, which these tests fetch and start themselves."""
