package words

import "testing"

func TestBook(t *testing.T) { t.Log(Book().Tags(), len(Book().Keys("en"))) }
