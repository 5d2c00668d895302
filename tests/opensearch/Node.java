// One OpenSearch node in one Java process, so that a test can kill it as a machine would die.
//
// Arguments: name, HTTP port, transport port, folder, transport addresses of all nodes, names of the first managers.
// local_cluster.py compiles it once.

import java.util.List;
import org.codelibs.opensearch.runner.OpenSearchRunner;

public class Node {
    public static void main(String[] arguments) throws Exception {
        OpenSearchRunner runner = new OpenSearchRunner();
        runner.setMaxHttpPort(-1);
        runner.onBuild((number, settings) -> {
            settings.put("node.name", arguments[0]);
            settings.put("http.port", arguments[1]);
            settings.put("transport.port", arguments[2]);
            settings.put("network.host", "127.0.0.1");
            settings.put("discovery.type", "zen");
            settings.putList("node.roles", "cluster_manager", "data", "ingest");
            settings.putList("discovery.seed_hosts", arguments[4].split(","));
            settings.putList("cluster.initial_cluster_manager_nodes", arguments[5].split(","));
            settings.put("cluster.routing.allocation.disk.threshold_enabled", false);
            settings.put("action.auto_create_index", false);
            // A killed node is missed within seconds, not within the half minute that suits real networks.
            settings.put("cluster.fault_detection.leader_check.interval", "500ms");
            settings.put("cluster.fault_detection.leader_check.timeout", "2s");
            settings.put("cluster.fault_detection.follower_check.interval", "500ms");
            settings.put("cluster.fault_detection.follower_check.timeout", "2s");
        });
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try {
                runner.close();
            } catch (Exception error) {
                error.printStackTrace();
            }
        }));
        try {
            runner.build("-basePath", arguments[3], "-clusterName", "search-app-test", "-numOfNode", "1");
        } catch (Throwable error) {
            // The runner's own main swallows this.
            error.printStackTrace();
            System.exit(1);
        }
        System.out.println("STARTED " + arguments[0]);
        Thread.currentThread().join();
    }
}
