package engine

// components finds the strongly connected components of a graph with the nodes 0 to
// n-1 by Tarjan's algorithm, without recursion. It returns the component of each node
// and the size of each component. A component has a lower number than those from which
// it can be reached.
func components(n int, successors func(node int32) []int32) (component []int32, sizes []int) {
	const unseen = -1
	type visit struct{ node, next int32 }
	component = make([]int32, n)
	order, low := make([]int32, n), make([]int32, n)
	for i := range component {
		component[i], order[i] = unseen, unseen
	}
	var visits []visit
	var open []int32
	count := int32(0)
	begin := func(node int32) {
		order[node], low[node] = count, count
		count++
		open = append(open, node)
		visits = append(visits, visit{node: node})
	}
	for root := range int32(n) {
		if order[root] != unseen {
			continue
		}
		begin(root)
		for len(visits) > 0 {
			v := &visits[len(visits)-1]
			if next := successors(v.node); int(v.next) < len(next) {
				to := next[v.next]
				v.next++
				if order[to] == unseen {
					begin(to)
				} else if component[to] == unseen {
					low[v.node] = min(low[v.node], order[to])
				}
				continue
			}
			node := v.node
			visits = visits[:len(visits)-1]
			if len(visits) > 0 {
				parent := visits[len(visits)-1].node
				low[parent] = min(low[parent], low[node])
			}
			if low[node] != order[node] {
				continue
			}
			sizes = append(sizes, 0)
			for last := int32(unseen); last != node; {
				last = open[len(open)-1]
				open = open[:len(open)-1]
				component[last] = int32(len(sizes) - 1)
				sizes[len(sizes)-1]++
			}
		}
	}
	return component, sizes
}
