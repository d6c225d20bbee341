package limits

// Clients returns how many clients r knows.
func (r *Rates[K]) Clients() int {
	r.clients.mu.Lock()
	defer r.clients.mu.Unlock()
	if len(r.clients.entries) != len(r.clients.all) {
		return -1
	}
	return len(r.clients.all)
}
