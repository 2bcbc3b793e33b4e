"""Chinese (simplified): the texts of the built-in rules, as they stand there, and the labels of their details."""

from collections.abc import Mapping
from typing import Final

WORDS: Final[Mapping[str, str]] = {
    (
        'A container of {{ workload }} keeps {% if details.exit_reason | default("") == "Completed" '
        "%}ending as if its work were done, with exit code 0{% elif details.exit_code is "
        "defined %}crashing with exit code {{ details.exit_code }}{% elif details.init_exit_code "
        "is defined %}crashing at its initialisation with exit code {{ details.init_exit_code "
        "}}{% else %}crashing{% endif %}."
    ): (
        '{{ workload }} 的一个容器{% if details.exit_reason | default("") == "Completed" '
        "%}反复以退出码 0 结束，像是工作已经完成{% elif details.exit_code is defined %}反复崩溃，"
        "退出码 {{ details.exit_code }}{% elif details.init_exit_code is defined %}在初始化时反复崩溃，"
        "退出码 {{ details.init_exit_code }}{% else %}反复崩溃{% endif %}。"
    ),
    (
        "The container ended again and again soon after its start, so the kubelet waits longer "
        "and longer (up to five minutes) before the next one. Its own log says why it ended."
    ): (
        "容器启动后不久便反复退出，因此 kubelet 每次重启前等待的时间越来越长（最多五分钟）。退出原因见容器自身的日志。"
    ),
    (
        '{% set is_init = "OOMKilled" in (details.init_exit_reason | default("")) ~ (details.init_end '
        '| default("")) %} {%- set limit = (details.init_memory_limit if is_init else details.memory_limit)'
        ' | default("") %} {{- "An init container" if is_init else "A container" }} of {{ '
        "workload }} was killed because it used more memory than {% if limit %}its limit "
        "({{ limit }}){% else %}there was{% endif %}."
    ): (
        '{% set is_init = "OOMKilled" in (details.init_exit_reason | default("")) ~ (details.init_end '
        '| default("")) %} {%- set limit = (details.init_memory_limit if is_init else details.memory_limit)'
        ' | default("") %} {{- workload }} 的一个{{ "初始化容器" if is_init else "容器" }}因使用的内存超过{'
        "% if limit %}其限额（{{ limit }}）{% else %}可用内存{% endif %}而被结束。"
    ),
    (
        "The kernel's OOM killer ended the container (reason OOMKilled). Either the limit "
        "is too low for the work that it does, or it leaks memory; each restart will end "
        "in the same way."
    ): (
        "内核的 OOM killer 结束了该容器（原因 OOMKilled）。可能是限额低于其工作所需，也可能存在内存泄漏；"
        "每次重启都会以同样的方式结束。"
    ),
    (
        "kubectl top pod -n {{ namespace }} {{ name }} --containers; then raise resources.limits.memory "
        "of {{ workload }} or lower its use."
    ): (
        "kubectl top pod -n {{ namespace }} {{ name }} --containers；然后提高 {{ workload "
        "}} 的 resources.limits.memory，或降低其内存用量。"
    ),
    (
        'A container of {{ workload }} is restarted because its {{ "startup" if "startup '
        'probe" in message else "liveness" }} probe fails.'
    ): '{{ workload }} 的一个容器因{{ "启动" if "startup probe" in message else "存活" }}探针失败而被重启。',
    (
        "The kubelet asked the container whether it is alive (a startup probe: whether it "
        "is up), got no good answer as often as failureThreshold allows, and ended it. The "
        "process hangs, or the probe is too strict for its load or its time to start."
    ): (
        "kubelet 探测容器是否存活（启动探针：是否已启动），失败次数达到 failureThreshold，"
        "于是结束了容器。可能是进程卡死，也可能是探针对其负载或启动时间过于严格。"
    ),
    (
        "kubectl describe pod -n {{ namespace }} {{ name }} (its Unhealthy events hold the probe's answer)"
    ): "kubectl describe pod -n {{ namespace }} {{ name }}（其 Unhealthy 事件中有探针的返回）",
    (
        "{% set is_it = details.images is defined and details.images in (details.error "
        "| default(details.images)) -%} An image of {{ workload }} cannot be pulled{% if "
        'details.init_error is defined %}: {{ details.init_error }}{% elif is_it and ", " not in '
        "details.images %} ({{ details.images }}){% elif details.error is defined %}: {{ "
        "details.error }}{% endif %}."
    ): (
        "{% set is_it = details.images is defined and details.images in (details.error "
        "| default(details.images)) -%} {{ workload }} 的一个镜像无法拉取{% if "
        'details.init_error is defined %}：{{ details.init_error }}{% elif is_it and ", " not in '
        "details.images %}（{{ details.images }}）{% elif details.error is defined %}：{{ details.error }}{% endif %}。"
    ),
    (
        "The node cannot get the image: its name or tag is wrong, it was never pushed, the "
        "registry cannot be reached, or the Pod has no valid imagePullSecrets for it."
    ): ("节点无法获取镜像：名称或标签有误、镜像从未推送、镜像仓库无法访问，或者 Pod 没有有效的 imagePullSecrets。"),
    (
        "kubectl describe pod -n {{ namespace }} {{ name }}; then correct the image of {{ "
        "workload }} or its imagePullSecrets."
    ): ("kubectl describe pod -n {{ namespace }} {{ name }}；然后更正 {{ workload }} 的镜像或 imagePullSecrets。"),
    (
        '{% set waits = details.init_error | default(details.error) | default("back-off") '
        '%} {%- set ended = details.init_start_error | default(details.start_error) | default("") '
        '%} {%- set why = ended if "back-off" in waits else waits %} {{- "A container of '
        '" ~ workload }} cannot be {{ "created" if why == waits else "started" }}{{ ": " '
        "~ why if why }}."
    ): (
        '{% set waits = details.init_error | default(details.error) | default("back-off") '
        '%} {%- set ended = details.init_start_error | default(details.start_error) | default("") '
        '%} {%- set why = ended if "back-off" in waits else waits %} {{- workload }} 的一个容器无法{{ '
        '"创建" if why == waits else "启动" }}{{ "：" ~ why if why }}。'
    ),
    (
        "What the container refers to is not there or not valid: a ConfigMap, a Secret or "
        "one of their keys, a command that its image does not have, a security setting. It "
        "starts by itself once that is corrected."
    ): (
        "容器引用的内容不存在或无效：ConfigMap、Secret 或其中的某个键、镜像中没有的命令，"
        "或某项安全设置。更正之后它会自行启动。"
    ),
    ("kubectl describe pod -n {{ namespace }} {{ name }}; then create what is missing or correct {{ workload }}."): (
        "kubectl describe pod -n {{ namespace }} {{ name }}；然后补上缺少的内容，或更正 {{ workload }}。"
    ),
    "Job {{ name }} has failed{{ ': ' ~ message if message else '.' }}": (
        "Job {{ name }} 已失败{{ '：' ~ message if message else '。' }}"
    ),
    (
        "It failed more often than backoffLimit allows, or took longer than activeDeadlineSeconds; "
        "it is not tried again."
    ): "失败次数超过了 backoffLimit，或运行时间超过了 activeDeadlineSeconds；不会再重试。",
    "Node {{ name }} is not ready{{ ': ' ~ message if message else '.' }}": (
        "节点 {{ name }} 未就绪{{ '：' ~ message if message else '。' }}"
    ),
    (
        "Its kubelet says that it cannot run Pods, or says nothing at all (Unknown): the "
        "machine, its network or the kubelet is down. After five minutes its Pods are started "
        "elsewhere."
    ): (
        "kubelet 报告无法运行 Pod，或者没有任何消息（Unknown）：机器、网络或 kubelet 出现故障。"
        "五分钟后，其上的 Pod 会在其他节点启动。"
    ),
    (
        "kubectl describe node {{ name }} (Conditions); then look at the machine and at its kubelet's log"
    ): "kubectl describe node {{ name }}（看 Conditions）；然后检查机器及其 kubelet 的日志",
    "Node {{ name }} does not become ready{{ ': ' ~ message if message else '.' }}": (
        "节点 {{ name }} 一直未就绪{{ '：' ~ message if message else '。' }}"
    ),
    (
        "Its kubelet is there but waits for something of the node, mostly for the network plugin, whose Pod runs on it."
    ): "kubelet 在运行，但仍在等待节点上的某些组件，多半是网络插件，其 Pod 就运行在该节点上。",
    "Node {{ name }} was rebooted.": "节点 {{ name }} 已重启。",
    "All containers on it were ended and started again.": "其上所有容器都已结束并重新启动。",
    (
        "The rollout of {{ workload }} is stuck: its new Pods did not become available in time."
    ): "{{ workload }} 的发布停滞：新的 Pod 未能按时变为可用。",
    (
        "For progressDeadlineSeconds no further Pod of the new version became available. "
        "The old version goes on serving as far as maxUnavailable allows; nothing is rolled "
        "back by itself."
    ): (
        "在 progressDeadlineSeconds 内，新版本没有更多的 Pod 变为可用。旧版本在 maxUnavailable "
        "允许的范围内继续提供服务；不会自动回滚。"
    ),
    (
        "kubectl describe pods -n {{ namespace }} (of the new ReplicaSet) says why; kubectl "
        "rollout status -n {{ namespace }} deployment/{{ name }}; to go back: kubectl rollout "
        "undo -n {{ namespace }} deployment/{{ name }}"
    ): (
        "kubectl describe pods -n {{ namespace }}（新 ReplicaSet 的 Pod）会给出原因；kubectl "
        "rollout status -n {{ namespace }} deployment/{{ name }}；如需回滚：kubectl rollout "
        "undo -n {{ namespace }} deployment/{{ name }}"
    ),
    "No node can take {{ name }}{{ ': ' ~ message if message else '.' }}": (
        "没有节点可以运行 {{ name }}{{ '：' ~ message if message else '。' }}"
    ),
    (
        "The scheduler found no node with room for the Pod's requests that its selectors, "
        "affinities, tolerations and volumes allow, or a volume claim of the Pod is missing "
        "or has no volume. The message counts the reasons by node."
    ): (
        "调度器没有找到既能满足 Pod 资源请求、又符合其选择器、亲和性、容忍度和卷的节点，或者 "
        "Pod 的卷声明缺失或没有卷。消息按节点统计了原因。"
    ),
    (
        "kubectl describe pod -n {{ namespace }} {{ name }}; kubectl describe nodes (Allocated "
        "resources, Taints); kubectl get pvc -n {{ namespace }}"
    ): (
        "kubectl describe pod -n {{ namespace }} {{ name }}；kubectl describe nodes（看 Allocated "
        "resources 和 Taints）；kubectl get pvc -n {{ namespace }}"
    ),
    (
        "A host port{% if details.host_ports is defined %} ({{ details.host_ports }}){% endif "
        "%} that {{ workload }} asks for is already taken."
    ): (
        "{{ workload }} 请求的主机端口{% if details.host_ports is defined %}（{{ details.host_ports "
        "}}）{% endif %}已被占用。"
    ),
    ("Another Pod holds the same hostPort on each node that may take this one. Only one Pod per node can have it."): (
        "每个可能接收它的节点上，都有另一个 Pod 占用了同一 hostPort；每个节点只能有一个 Pod 使用它。"
    ),
    (
        "kubectl describe pod -n {{ namespace }} {{ name }}; then use a Service in place "
        "of the hostPort, another port, or fewer replicas than nodes."
    ): (
        "kubectl describe pod -n {{ namespace }} {{ name }}；然后用 Service 代替 hostPort，"
        "换一个端口，或让副本数少于节点数。"
    ),
    (
        "A Pod of {{ workload }} was evicted from its node{{ ': ' ~ message if message else '.' }}"
    ): "{{ workload }} 的一个 Pod 被逐出其节点{{ '：' ~ message if message else '。' }}",
    (
        "The node ran short of memory, disk or process ids, or the Pod used more local storage "
        "than it may. Its controller starts another one."
    ): "节点的内存、磁盘或进程号不足，或者 Pod 使用的本地存储超过上限。其控制器会另行启动一个。",
    (
        "kubectl describe pod -n {{ namespace }} {{ name }}; kubectl describe node{% if node "
        "is defined %} {{ node }}{% endif %} (Conditions)"
    ): (
        "kubectl describe pod -n {{ namespace }} {{ name }}；kubectl describe node{% if node "
        "is defined %} {{ node }}{% endif %}（看 Conditions）"
    ),
    (
        "A volume of {{ workload }} cannot be mounted{{ ': ' ~ message if message else '.' }}"
    ): "{{ workload }} 的一个卷无法挂载{{ '：' ~ message if message else '。' }}",
    (
        "The kubelet cannot prepare a volume, so the Pod waits in ContainerCreating: a Secret "
        "or ConfigMap is missing, or the storage does not answer. It tries again by itself."
    ): (
        "kubelet 无法准备卷，因此 Pod 停在 ContainerCreating：缺少 Secret 或 ConfigMap，或者存储没有响应。"
        "它会自动重试。"
    ),
    (
        "kubectl describe pod -n {{ namespace }} {{ name }}; then create what the message "
        "names as missing, or look after the storage."
    ): ("kubectl describe pod -n {{ namespace }} {{ name }}；然后补上消息中指出的缺失内容，或检查存储。"),
    (
        "A volume of {{ workload }} cannot be attached to its node{{ ': ' ~ message if message else '.' }}"
    ): "{{ workload }} 的一个卷无法挂接到节点{{ '：' ~ message if message else '。' }}",
    (
        "The volume is still attached to another node (a Pod there has not ended, or that "
        "node is gone), or the storage refuses it."
    ): "该卷仍挂接在另一个节点上（那里的 Pod 尚未结束，或该节点已不在），或者存储拒绝挂接。",
    # details
    "Available": "可用副本",
    "Back off": "退避",
    "Back off limit": "重试上限",
    "Conditions": "状况",
    "Containers": "容器",
    "Cpu requests": "CPU 请求",
    "Error": "错误",
    "Exit code": "退出码",
    "Exit message": "退出消息",
    "Exit reason": "退出原因",
    "Failed pods": "失败的 Pod",
    "Host ports": "主机端口",
    "Images": "镜像",
    "Init back off": "初始化退避",
    "Init end": "初始化结束",
    "Init error": "初始化错误",
    "Init exit code": "初始化退出码",
    "Init exit reason": "初始化退出原因",
    "Init memory limit": "初始化内存限额",
    "Init start error": "初始化启动错误",
    "Kubelet": "kubelet",
    "Memory limit": "内存限额",
    "Memory requests": "内存请求",
    "Reason": "原因",
    "Replicas": "副本",
    "Restarts": "重启次数",
    "Start error": "启动错误",
    "Updated": "已更新副本",
}
