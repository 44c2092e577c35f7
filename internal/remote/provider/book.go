package provider

// Book is the configured vendors.
type Book struct{ list []Provider }

// NewBook makes a book; names must differ.
func NewBook(list ...Provider) *Book { return &Book{list} }

// Get finds a vendor by its name; nil if it is not configured, so that switching one
// off ends everything through it at once (S-51).
func (b *Book) Get(name string) Provider {
	if b == nil {
		return nil
	}
	for _, p := range b.list {
		if p.Name() == name {
			return p
		}
	}
	return nil
}

// All lists the vendors.
func (b *Book) All() []Provider {
	if b == nil {
		return nil
	}
	return b.list
}
