//! The error codes of OpenStack (area OS).

paas_core::codes! {
    OS_NO_CLOUD = "PAAS-OS-0001", "no such cloud is configured",
        "No clouds.yaml was found, or it has no cloud of that name, or none was chosen and there are several.",
        "Name one with OS_CLOUD; `paas cloud list` shows the clouds and the files that were read.";
    OS_FILE = "PAAS-OS-0002", "a file of clouds cannot be read",
        "It is a folder, larger than 4 MiB, no text, or closed to this user although it was asked for by name.",
        "Correct the file that the message names, or name another one with OS_CLIENT_CONFIG_FILE.";
    OS_SYNTAX = "PAAS-OS-0003", "a file of clouds is not understood",
        "It is not YAML or JSON, or it has no map of clouds. openstacksdk passes over such a file and takes the next; that would be another cloud.",
        "Correct the line that the message names.";
    OS_VALUE = "PAAS-OS-0004", "a value of a cloud is wrong",
        "A field has something that it cannot have, or that two readers of YAML take for two different things.",
        "Correct the value at the place named; texts that look like numbers or booleans need quotes.";
    OS_INCOMPLETE = "PAAS-OS-0005", "something that is needed to log in is missing",
        "The entry, its profile, secure.yaml and the environment do not say where Keystone is, or who asks with which secret.",
        "Add what the message names to the entry in clouds.yaml, secrets better to secure.yaml.";
    OS_AUTH_TYPE = "PAAS-OS-0006", "this way to log in is not supported",
        "Supported are passwords, application credentials and tokens; not federation, several factors, trusts or Keystone v2.",
        "Make an application credential (`openstack application credential create`) and use it with auth_type: v3applicationcredential.";
    OS_PROFILE = "PAAS-OS-0007", "a profile that is a URL is not fetched",
        "Whoever answers at that URL would decide where the password is sent.",
        "Write auth_url into the entry, or put the profile into clouds-public.yaml.";
    OS_NO_REGION = "PAAS-OS-0008", "the cloud has no such region",
        "The entry lists its regions, and the one asked for, by OS_REGION_NAME or by name, is not among them.",
        "Use one that the message lists; names of regions are case-sensitive.";
    OS_CONTRADICTION = "PAAS-OS-0009", "a configuration says two things that exclude each other",
        "A token can be for one project, one domain or the system; a cloud in a file has the name that stands for the environment.",
        "Remove one of the two that the message names.";
    OS_LOGIN = "PAAS-OS-0010", "Keystone does not accept the credentials",
        "The user, the password, the application credential or the project is wrong, locked or disabled. Keystone does not say which.",
        "Check user, domain, project and password of the cloud (`paas cloud list` shows where they come from); an application credential may also have expired or been deleted.";
    OS_EXPIRED = "PAAS-OS-0011", "the credential has expired or was taken back",
        "A credential that was accepted before is refused now, Keystone says that it expired, or a given token ran out.",
        "Make a new application credential, set a new password, or get a new token, and write it into clouds.yaml.";
    OS_MFA = "PAAS-OS-0012", "Keystone wants another proof of who we are",
        "The user has to log in with several methods, and only one was given.",
        "Use an application credential of that user: it needs no second method.";
    OS_DENIED = "PAAS-OS-0013", "the cloud does not allow this",
        "The roles of the token do not suffice, the thing belongs to another project, or the service refuses a fresh token.",
        "Ask for the role that the operation needs (Octavia: load-balancer_member). With access rules on the application credential, add one for this call.";
    OS_NOT_FOUND = "PAAS-OS-0014", "the cloud has no such thing",
        "The id or name is wrong, the thing was deleted, or it belongs to another project.",
        "List what is there; check project and region.";
    OS_CONFLICT = "PAAS-OS-0015", "the state of things in the cloud contradicts the call",
        "It exists already, is in use, or is busy with another operation.",
        "Read the service's words; wait for the other operation, or remove what uses it, and run again.";
    OS_QUOTA = "PAAS-OS-0016", "a quota of the project is used up",
        "The project may not have more of this.",
        "Delete what is not used, or ask the operator of the cloud for a larger quota.";
    OS_THROTTLED = "PAAS-OS-0017", "the cloud asks to slow down",
        "More calls came than the cloud takes, also after waiting as long as it said.",
        "Wait a while and run again; other programs may use the same project.";
    OS_INVALID = "PAAS-OS-0018", "the service refuses the call as invalid",
        "A value in the call is not one that the service takes; Nova says so also of a missing image, flavor or network.",
        "Read the service's words and correct the value.";
    OS_UNAVAILABLE = "PAAS-OS-0019", "the service fails",
        "The service, or a proxy before it, answered with an error of its own, also when asked again.",
        "Run again later; give the request id to the operator of the cloud.";
    OS_UNSUPPORTED = "PAAS-OS-0020", "this cloud cannot do that",
        "The service is older than the call needs, lacks the extension, or has the function turned off.",
        "Use another way, another cloud, or raise a microversion that was capped in clouds.yaml.";
    OS_TLS = "PAAS-OS-0021", "no TLS connection can be made",
        "The certificate is not trusted, has expired, or is for another name; or a certificate file cannot be read.",
        "Name the certificate of the cloud's own authority with `cacert`. `verify: false` lets everybody on the way read the password.";
    OS_UNREACHABLE = "PAAS-OS-0022", "the service cannot be reached",
        "No connection could be made: the name is unknown, nobody listens, or a firewall is in between. Nothing was sent.",
        "Check the address, the network and a VPN; `interface` in clouds.yaml chooses between public and internal addresses.";
    OS_LOST = "PAAS-OS-0023", "the connection broke before the whole answer was there",
        "The service or something on the way closed the connection.",
        "Run again. A call that changes something is not repeated blindly: what it did is looked at first.";
    OS_TIMED_OUT = "PAAS-OS-0024", "no answer within the deadline",
        "The service is slow or hangs, or something on the way drops the packets.",
        "Run again; `api_timeout` in clouds.yaml sets the deadline of one exchange.";
    OS_ANSWER = "PAAS-OS-0025", "the answer is not what the API promises",
        "A web page instead of JSON, JSON without what was asked for, or pages that go in a circle: often a proxy, a portal or a wrong address.",
        "Open the address that the message names and see who answers there.";
    OS_TOO_LARGE = "PAAS-OS-0026", "the answer is larger than an answer may be",
        "The address does not lead to an OpenStack service, or a list is asked for without pages.",
        "Check the address; a program can raise the bound in the client's options.";
    OS_REDIRECT = "PAAS-OS-0027", "the service sends us elsewhere",
        "The address redirects. It is not followed, because the token would go there too.",
        "If the target is right, write it into clouds.yaml as `auth_url` or as the endpoint of that service.";
    OS_NO_SERVICE = "PAAS-OS-0028", "the catalog has no such service",
        "The cloud does not have it, or not with the interface asked for, or the token is for no project.",
        "Check project and `interface`; the message lists what the catalog has. An endpoint can be given in clouds.yaml.";
    OS_REGION = "PAAS-OS-0029", "the region is not clear",
        "The catalog does not have the region that was chosen, or it has several and none was chosen.",
        "Set `region_name` to one of those that the message lists.";
    OS_USER_DATA = "PAAS-OS-0030", "the user data are too large",
        "Nova takes at most 65535 bytes of encoded user data; these are larger even when they are compressed.",
        "Leave out what the server can fetch when it boots, or bring it in the image.";
    OS_NO_ID = "PAAS-OS-0031", "that is not an id",
        "A resource was asked for by an id that is empty, or that would lead to another place.",
        "Give the id that the list shows.";
    OS_ROLES = "PAAS-OS-0032", "the roles do not suffice to make anything",
        "The token's roles may only read, or lack the one that a service asks for.",
        "Ask for the role that the message names in this project; an application credential has the roles that its maker had.";
    OS_ENDS_SOON = "PAAS-OS-0033", "the credential ends soon",
        "An application credential, a password or a given token has a date, and it is near.",
        "Make a new one and write it into clouds.yaml before that day. What runs goes on without it; nothing can be changed or taken down.";
    OS_ROOM = "PAAS-OS-0034", "the project has no room for the plan",
        "What there is and what is promised, together with what the plan makes, is more than a quota of the project allows.",
        "Ask the operator of the cloud for the quota that the message names, or want less.";
    OS_FIT = "PAAS-OS-0035", "flavor, image and disk do not fit together",
        "The image needs more disk or memory than the flavor or the volume has; Nova or Cinder would refuse it.",
        "Choose a larger flavor, a root volume (volumeSize), or another image.";
    OS_ZONE = "PAAS-OS-0036", "an availability zone takes nothing",
        "No zone has that name, or it is switched off. Zones of servers and of volumes are different things, even where the names are the same.",
        "Use one of the zones that the message lists, or leave availabilityZones out.";
    OS_UNSEEN = "PAAS-OS-0037", "something could not be looked at before the first write",
        "A service did not answer in time, or its policy does not let this role ask. Nothing is known to be wrong.",
        "Go on, and look at the first failure if there is one; or ask the operator to let this role read its quota.";
    OS_ADOPT = "PAAS-OS-0039", "it cannot be taken over",
        "The key is not one that the spec wants, or is taken; the thing is not there, is somebody else's, lies in another network, or does not fit the spec.",
        "Do what the message says, and ask again; nothing was written.";
    OS_LEFTOVERS = "PAAS-OS-0038", "not all leftovers could be deleted",
        "Something of somebody else stands on them, is still in use, or the cloud refuses.",
        "Remove what the message names, or name its owner too, and run the same command again: it goes on.";
    OS_SHAPE = "PAAS-OS-0040", "the machines cannot be laid out",
        "Two groups of machines would have the same names, or more is asked for than the network has addresses.",
        "Change the names or the sizes that the message shows.";
    OS_CHOICE = "PAAS-OS-0041", "what was chosen is not in the cloud",
        "No image, flavor or network fits what was asked for, or several do.",
        "Choose one of those that the message lists, by its id where names are not unique.";
    OS_IN_THE_WAY = "PAAS-OS-0042", "something of others is in the way",
        "What is to go is used by something that does not bear the platform's mark and was not made by its cluster: a port, a subnet, a load balancer. Such things are never touched.",
        "Move or delete what the message names, if nobody needs it, and run the same command again. All the rest goes meanwhile.";
    OS_RESTRICTED = "PAAS-OS-0043", "a restricted application credential manages no others",
        "The platform's cluster gets an application credential of its own, and Keystone lets a restricted one neither make nor delete any.",
        "Log in with a password, or with an application credential that was made with --unrestricted; or set spec.addons.cloudController and spec.addons.csi to false. A restricted one is given to the cluster itself where there is no other.";
    OS_VM = "PAAS-OS-0044", "the virtual machine cannot be like this",
        "A name, a port, a range or a size is not one that a machine can have, the flavor is too small for the image, or what is written at the first boot is to change on a machine that is there.",
        "Correct what the message names. What a machine takes at its first boot changes only with a new one: `paas vm delete NAME`, then create it again.";
    OS_NO_PROJECT = "PAAS-OS-0045", "the credential leads to no project",
        "Infrastructure is made in a project; this configuration names none, or a domain, or the whole system.",
        "Set `project_name` or `project_id` in clouds.yaml, or use an application credential, which belongs to a project.";
}
