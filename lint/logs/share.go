package logs

// share is what part of the lost requests got one status.
type share struct {
	Status  int    `json:"status"`
	Count   int    `json:"count"`
	Percent int    `json:"percent"` // rounded
	Means   string `json:"means"`
}

// shares returns the statuses that clients got, and how they differ (RFC 9110, section 15.6; nginx' and HAProxy's use
// of them).
func (l Lost) shares() []share {
	all := []share{
		{500, l.S500, 0, "the proxy could not do its part: a limit of its own, a circle, or an address that is none"},
		{502, l.S502, 0, "a server was chosen, and gave no usable answer: no connection, a broken one, or not what was expected"},
		{503, l.S503, 0, "no server took the request: none was up or free, a limit refused it, or HAProxy could not connect"},
		{504, l.S504, 0, "a server was waited for, and did not answer within a timeout"},
	}
	var list []share
	for _, s := range all {
		if s.Count > 0 {
			s.Percent = (100*s.Count + l.Sum()/2) / l.Sum()
			list = append(list, s)
		}
	}
	return list
}
