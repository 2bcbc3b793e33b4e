"""What Slack, the mailboxes and Alertmanager show of an incident's life, word by word, as `plain` leaves it."""

NO_ANSWER = (
    'failed to pull and unpack image "registry.kubetest.local:5000/shop/web:v9": failed to resolve reference '
    '"registry.kubetest.local:5000/shop/web:v9": failed to do request: Head '
    '"http://127.0.0.1:5000/v2/shop/web/manifests/v9?ns=registry.kubetest.local%3A5000": dial tcp 127.0.0.1:5000: '
    "connect: connection refused"
)
NO_NODE = (
    "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector. no new claims to deallocate, "
    "preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling."
)

# The sentences of the rules

CRASHES = "A container of Deployment/worker keeps crashing with exit code 3."
CRASHES_MEANS = (
    "The container ended again and again soon after its start, so the kubelet waits longer and longer (up to five "
    "minutes) before the next one. Its own log says why it ended."
)
CRASHES_NEXT = "kubectl logs -n life-shop worker-POD --all-containers --previous --ignore-errors"
NO_IMAGE = "An image of Pod/web cannot be pulled (registry.kubetest.local:5000/shop/web:v9)."
NO_IMAGE_MEANS = (
    "The node cannot get the image: its name or tag is wrong, it was never pushed, the registry cannot be reached, or "
    "the Pod has no valid imagePullSecrets for it."
)
NO_IMAGE_NEXT = "kubectl describe pod -n life-shop web; then correct the image of Pod/web or its imagePullSecrets."
WAITS = f"No node can take huge: {NO_NODE}"
WAITS_MEANS = (
    "The scheduler found no node with room for the Pod's requests that its selectors, affinities, tolerations and "
    "volumes allow, or a volume claim of the Pod is missing or has no volume. The message counts the reasons by node."
)
WAITS_NEXT = (
    "kubectl describe pod -n life-lab huge; kubectl describe nodes (Allocated resources, Taints); kubectl get pvc -n "
    "life-lab"
)
ACKED = "\nAcknowledged by ann (U0ANN) at TIME"

# In Slack

ROOT = f"""🟠 WARNING · crash-loop · life-shop/Deployment/worker · since TIME
FIRING since TIME (SPAN)
*Cluster*
e2e
*Severity*
warning
*Where*
life-shop/Deployment/worker
*Node*
node-1
*Affected*
worker-POD
*Exit code*
3
*Exit reason*
Error
*Restarts*
N
*Images*
kubetest.local/workload:1
Cause
{CRASHES}
Means
{CRASHES_MEANS}
Next
{CRASHES_NEXT}
rule crash-loop · 57xuyf2r
[Acknowledge] [Silence]"""


def two_problems(acked: str = "") -> str:
    return f"""🟠 WARNING · crash-loop, image-pull · life-shop · since TIME
FIRING since TIME (SPAN)
*Cluster*
e2e
*Severity*
warning
crash-loop
· life-shop/Deployment/worker · firing since TIME (SPAN){acked}
{CRASHES}
image-pull
· life-shop/Pod/web · firing since TIME (SPAN){acked}
{NO_IMAGE}
Next for crash-loop
{CRASHES_NEXT}
Next for image-pull
{NO_IMAGE_NEXT}
kwatch · e2e
[Acknowledge] [Silence]"""


def waits(title: str, status: str) -> str:
    return f"""🟠 WARNING · {title} · life-lab/Pod/huge · since TIME
{status} since TIME (SPAN)
*Cluster*
e2e
*Severity*
warning
*Where*
life-lab/Pod/huge
Cause
{WAITS}
Means
{WAITS_MEANS}
Next
{WAITS_NEXT}
{NO_NODE}
rule failed-scheduling · 22egeinu
[Acknowledge] [Silence]"""


NEWS = f"""🟠 WARNING · crash-loop, image-pull · life-shop · since TIME
image-pull
· life-shop/Pod/web · firing since TIME (SPAN)
{NO_IMAGE}"""
WAITS_STILL = """🟠 WARNING · still firing · failed-scheduling · life-lab/Pod/huge · since TIME
STILL FIRING since TIME (SPAN)"""
WAITS_NO_MORE = f"""✅ RESOLVED after SPAN · failed-scheduling · life-lab/Pod/huge
RESOLVED after SPAN: TIME to TIME
*Cluster*
e2e
*Severity*
warning
*Where*
life-lab/Pod/huge
*Escalated*
to oncall, as nobody acknowledged it in time
Was
{WAITS}
Ended
the object is gone
rule failed-scheduling · 22egeinu"""
ONE_LEFT = f"""🟠 WARNING · crash-loop · life-shop · since TIME
FIRING since TIME (SPAN, 1 of 2)
*Cluster*
e2e
*Severity*
warning
crash-loop
· life-shop/Deployment/worker · firing since TIME (SPAN), acknowledged by ann (U0ANN)
{CRASHES}
image-pull
· life-shop/Pod/web · resolved after SPAN
it is healthy again
Next for crash-loop
{CRASHES_NEXT}
kwatch · e2e
[Acknowledge] [Silence]"""
OVER = f"""✅ RESOLVED after SPAN · crash-loop · life-shop/Deployment/worker
RESOLVED after SPAN: TIME to TIME
*Cluster*
e2e
*Severity*
warning
*Where*
life-shop/Deployment/worker
*Node*
node-1
*Affected*
worker-POD
*Acknowledged*
by ann (U0ANN) at TIME
*Exit code*
3
*Exit reason*
Error
*Restarts*
N
*Images*
kubetest.local/workload:1
Was
{CRASHES}
Ended
the object is gone
rule crash-loop · 57xuyf2r"""
WAITED = """✅ RESOLVED after SPAN · failed-scheduling · life-lab/Pod/huge
RESOLVED after SPAN: TIME to TIME, the object is gone"""
CRASHED = """✅ RESOLVED after SPAN · crash-loop · life-shop/Deployment/worker
RESOLVED after SPAN: TIME to TIME, the object is gone"""
SAID = [
    ("posted 1", ROOT),
    ("edited 1", two_problems()),
    ("answered 1", NEWS),
    ("edited 1", two_problems(", acknowledged by ann (U0ANN)")),
    ("posted 2", waits("failed-scheduling", "FIRING")),
    ("edited 2", waits("still firing · failed-scheduling", "STILL FIRING")),
    ("answered 2", WAITS_STILL),
    ("edited 2", WAITS_NO_MORE),
    ("answered 2", WAITED),
    ("edited 1", ONE_LEFT),
    ("edited 1", OVER),
    ("answered 1", CRASHED),
]

# By mail, and in Alertmanager

CRASH = "[e2e] warning: crash-loop life-shop/Deployment/worker, since TIME"
WAIT = "[e2e] warning: failed-scheduling life-lab/Pod/huge, since TIME"


def crash_facts(acked: str = "") -> str:
    return f"""Cause        {CRASHES}
Means        {CRASHES_MEANS}
Next         {CRASHES_NEXT}
Where        life-shop/Deployment/worker
Node         node-1
Affected     worker-POD{acked}
Exit code    3
Exit reason  Error
Restarts     N
Images       kubetest.local/workload:1
Rule         crash-loop
Cluster      e2e"""


def image_facts(acked: str = "") -> str:
    return f"""Cause        {NO_IMAGE}
Means        {NO_IMAGE_MEANS}
Next         {NO_IMAGE_NEXT}
Where        life-shop/Pod/web
Node         node-1{acked}
Error        {NO_ANSWER}
Images       registry.kubetest.local:5000/shop/web:v9
Rule         image-pull
Cluster      e2e"""


def wait_facts(escalated: str = "") -> str:
    return f"""Cause        {WAITS}
Means        {WAITS_MEANS}
Next         {WAITS_NEXT}
Where        life-lab/Pod/huge{escalated}
Rule         failed-scheduling
Message      {NO_NODE}
Cluster      e2e"""


def two_mailed(mark: str = "•", acked: str = "") -> str:
    return f"""FIRING since TIME (SPAN)
🟠 WARNING · crash-loop, image-pull · life-shop

• crash-loop · life-shop/Deployment/worker · firing since TIME (SPAN){acked}
  {CRASHES}
{mark} image-pull · life-shop/Pod/web · firing since TIME (SPAN){acked}
  {NO_IMAGE}
Next for crash-loop: {CRASHES_NEXT}
Next for image-pull: {NO_IMAGE_NEXT}
Cluster      e2e"""


TITLE = "🟠 WARNING · crash-loop · life-shop/Deployment/worker"
WAIT_TITLE = "🟠 WARNING · failed-scheduling · life-lab/Pod/huge"
WAIT_STILL = "🟠 WARNING · still firing · failed-scheduling · life-lab/Pod/huge"
ESCALATED = "\nEscalated    to oncall, as nobody acknowledged it in time"
WAIT_ENDED = f"""RESOLVED after SPAN: TIME to TIME
✅ RESOLVED after SPAN · failed-scheduling · life-lab/Pod/huge

Was          {WAITS}
Ended        the object is gone
Where        life-lab/Pod/huge{ESCALATED}
Rule         failed-scheduling
Cluster      e2e"""
ONE_LEFT_MAILED = f"""FIRING since TIME (SPAN, 1 of 2)
🟠 WARNING · crash-loop · life-shop

• crash-loop · life-shop/Deployment/worker · firing since TIME (SPAN), acknowledged by ann (U0ANN)
  {CRASHES}
• image-pull · life-shop/Pod/web · resolved after SPAN
  it is healthy again
Next for crash-loop: {CRASHES_NEXT}
Cluster      e2e"""
ENDED = f"""RESOLVED after SPAN: TIME to TIME
✅ RESOLVED after SPAN · crash-loop · life-shop/Deployment/worker

Was          {CRASHES}
Ended        the object is gone
Where        life-shop/Deployment/worker
Node         node-1
Affected     worker-POD{ACKED}
Exit code    3
Exit reason  Error
Restarts     N
Images       kubetest.local/workload:1
Rule         crash-loop
Cluster      e2e"""
TO_ANN = [
    ("mail 1", CRASH, f"FIRING since TIME (SPAN)\n{TITLE}\n\n{crash_facts()}"),
    ("below 1", CRASH, two_mailed("+")),
    ("below 1", CRASH, two_mailed("•", ", acknowledged by ann (U0ANN)")),
    ("mail 2", WAIT, f"FIRING since TIME (SPAN)\n{WAIT_TITLE}\n\n{wait_facts()}"),
    ("below 2", WAIT, f"STILL FIRING since TIME (SPAN)\n{WAIT_STILL}\n\n{wait_facts()}"),
    ("below 2", WAIT, WAIT_ENDED),
    ("below 1", CRASH, ONE_LEFT_MAILED),
    ("below 1", CRASH, ENDED),
]
TO_BOB = [
    ("mail 1", WAIT, f"FIRING since TIME (SPAN)\n{WAIT_TITLE}\n\n{wait_facts(ESCALATED)}"),
    ("below 1", WAIT, WAIT_ENDED),
]


def held_crash(acked: str = "") -> tuple[str, str, str]:
    """Return the alert in Alertmanager: its labels, its summary, its description."""
    return (
        "crash-loop warning life-shop Deployment/worker",
        "WARNING · crash-loop · life-shop/Deployment/worker · since TIME",
        f"FIRING since TIME (SPAN)\n{crash_facts(acked)}",
    )


def held_image(acked: str = "") -> tuple[str, str, str]:
    return (
        "image-pull warning life-shop Pod/web",
        "WARNING · image-pull · life-shop/Pod/web · since TIME",
        f"FIRING since TIME (SPAN)\n{image_facts(acked)}",
    )
