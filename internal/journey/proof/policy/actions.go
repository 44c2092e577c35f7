package policy

// Actions are all actions of the table, in its order.
func Actions() []Action {
	list := make([]Action, len(table))
	for i, row := range table {
		list[i] = row.action
	}
	return list
}
